"""Arrays as pictures: colour maps and legends."""
