"""What the database shows, held against the records that made it so: nobody has access that no record tells of."""
