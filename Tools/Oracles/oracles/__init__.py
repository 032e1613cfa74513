"""Makes the fixtures of Tests/Fixtures with the reference systems; Tools/Oracles/README.md teaches how."""
