"""What is told of values, rows and labels that are hardly meant as they are written."""
