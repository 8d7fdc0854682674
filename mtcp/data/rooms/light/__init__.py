"""Light: the sky outside, rays, direct and bounced light."""
