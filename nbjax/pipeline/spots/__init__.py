"""The spots of a crystal by themselves: found, cut by the Ewald sphere, and placed on the panels."""
