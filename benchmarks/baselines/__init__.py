"""What a user would write without the zoo, for the same DCGAN networks and batch."""
