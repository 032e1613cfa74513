public import ArgumentParser
public import AutoRound

extension TuningPreset: ExpressibleByArgument {}
