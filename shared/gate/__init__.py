"""What stands in front of every HTTP resource: five small modules, in the order a request meets them."""
