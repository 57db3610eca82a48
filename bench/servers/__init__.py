"""What is started to be measured, or to stand at the other end: processes of ours and databases."""
