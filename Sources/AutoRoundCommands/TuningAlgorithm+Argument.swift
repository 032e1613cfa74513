public import ArgumentParser
public import Recipes

extension TuningAlgorithm: ExpressibleByArgument {}
