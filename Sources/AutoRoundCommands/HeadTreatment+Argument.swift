public import ArgumentParser
public import AutoRound

extension HeadTreatment: ExpressibleByArgument {}
