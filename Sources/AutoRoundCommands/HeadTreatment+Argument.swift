public import ArgumentParser
public import Recipes

extension HeadTreatment: ExpressibleByArgument {}
