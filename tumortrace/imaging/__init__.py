"""From pixels of any kind to what a network sees: reading, preprocessing, augmentation."""
