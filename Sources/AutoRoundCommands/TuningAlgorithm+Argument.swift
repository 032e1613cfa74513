public import ArgumentParser
public import AutoRound

extension TuningAlgorithm: ExpressibleByArgument {}
