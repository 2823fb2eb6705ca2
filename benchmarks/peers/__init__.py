"""Programs that run other libraries, in environments of their own: what the zoo is held against."""
