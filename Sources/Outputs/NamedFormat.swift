package import Diagnostics

/// What a checkpoint is asked for by its name, several at once.
package protocol NamedFormat: Equatable, Sendable {
  /// What it is asked for by: `compressed-tensors`.
  var name: String { get }
  /// All that can be asked for.
  static var all: [Self] { get }
}

extension NamedFormat {
  /// The folder of a checkpoint of this format beside others: its name without what some systems do not take.
  var folderName: String { name.replacing(":", with: "-") }

  /// The format of a name, letter case apart.
  ///
  /// - Throws: `InputError` that lists the formats.
  static func find(_ name: String) throws(InputError) -> Self {
    guard let format = all.first(where: { $0.name == name.lowercased() }) else {
      throw InputError(
        .invalidValue, source: OptionName.format.description,
        "found \(quoted(name)), expected one of \(all.map(\.name).joined(separator: ", "))")
    }
    return format
  }

  /// Refuses a list that is empty, or has a format twice.
  package static func requireDistinct(_ formats: [Self]) throws(InputError) {
    guard !formats.isEmpty else {
      throw InputError(.invalidValue, place: OptionName.format.description, "names no format")
    }
    for (index, format) in formats.enumerated() where formats[..<index].contains(format) {
      throw InputError(
        .invalidValue, place: OptionName.format.description, "names \(quoted(format.name)) twice")
    }
  }
}
