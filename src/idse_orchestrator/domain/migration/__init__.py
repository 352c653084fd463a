"""What is in the layouts of older prototypes, in words of this one."""
