import ArgumentParser
import Diagnostics
import Recipes

/// Flags of the options that ``RunOptions`` declares.
extension Option {
  init<Choice: OptionValue & ExpressibleByArgument, Resolved>(
    _ option: KeyPath<RunOptions, RunOption<Choice, Resolved>>
  ) where Value == Choice? {
    let option = RunOptions.table[keyPath: option]
    self.init(name: option.argumentName, help: option.argumentHelp)
  }
}

extension Flag<Bool> {
  init(wrappedValue: Bool, _ option: KeyPath<RunOptions, RunOption<Bool, Bool>>) {
    let option = RunOptions.table[keyPath: option]
    self.init(wrappedValue: wrappedValue, name: option.argumentName, help: option.argumentHelp)
  }
}

extension RunOption {
  fileprivate var argumentName: NameSpecification {
    .customLong(String(name.flag.drop { $0 == "-" }))
  }

  fileprivate var argumentHelp: ArgumentHelp {
    ArgumentHelp("\(summary)", discussion: help.discussion)
  }
}
