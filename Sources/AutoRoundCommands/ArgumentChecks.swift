import ArgumentParser
import Diagnostics

/// Lets what is wrong with arguments be a mistake of the command line, in one sentence.
func checkingArguments(_ check: () throws -> Void) throws {
  do {
    try check()
  } catch let error as InputError {
    throw ValidationError(error.description)
  }
}

/// Refuses a number that an option cannot be.
func require(_ option: String, _ value: Int, in range: ClosedRange<Int>) throws {
  guard !range.contains(value) else { return }
  throw ValidationError(
    "\(option) must be from \(range.lowerBound) to \(range.upperBound); it is \(value)")
}
