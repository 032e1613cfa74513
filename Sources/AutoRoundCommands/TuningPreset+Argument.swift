public import ArgumentParser
public import Recipes

extension TuningPreset: ExpressibleByArgument {}
