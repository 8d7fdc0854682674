"""Light in a room: what arrives straight, what bounces, and the smoothing of both."""
