public import ArgumentParser
public import Compute

extension GradientPrecision: ExpressibleByArgument {}
