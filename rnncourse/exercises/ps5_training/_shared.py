"""What several exercises of ps5_training share."""

PARTS = "rnncourse.checks.harness.training"
