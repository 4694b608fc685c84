"""The command line and its options, the selection and order of tests, progress, and xdist."""
