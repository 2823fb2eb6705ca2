"""Measures of generated samples: arrays in, numbers out. Nothing here knows a GAN.

frechet (moments, Fréchet distance), records (FID, class histogram, label agreement as records), classifier (a judge of
28 x 28 images), features.inception (FID network), images (quantisation). Import the modules themselves.
"""
