"""Who asks, and what they may do: tokens of Keycloak, roles, owners, and the security log."""
