"""Charging: hubs, ports, tokens, sessions as they come in, their price, their posting."""
