"""What `pagerd` does beside running one room: check, migrate, watch health, keep three children alive."""
