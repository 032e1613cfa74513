package import Diagnostics
package import Testing

/// Records an issue unless `body` throws an ``InputError`` of kind `code` whose text holds every
/// one of `words`; returns the error that was thrown.
@discardableResult
package func expectInputError<Result>(
  _ code: InputError.Code, mentioning words: [String] = [],
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> InputError? {
  func record(_ text: String) {
    Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
  }
  do {
    _ = try body()
    record("no error; expected '\(code)' mentioning \(words)")
  } catch let error as InputError {
    if error.code != code { record("'\(error.code)' (\(error)), expected '\(code)'") }
    for word in words where !error.description.contains(word) {
      record("the error does not mention '\(word)': \(error)")
    }
    return error
  } catch {
    record("\(type(of: error)) is no InputError: \(error)")
  }
  return nil
}
