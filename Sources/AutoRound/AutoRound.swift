// The first types of this layer arrive with the next commits; see Package.swift for what it may import.
