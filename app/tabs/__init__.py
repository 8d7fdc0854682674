"""The tabs of the page: components, and what they show of a scene."""
