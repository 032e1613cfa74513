import Diagnostics
import JSONText

/// How components of one kind are read from tokenizer.json, by their types.
struct ComponentTable<Component>: Sendable {
  typealias Row = (
    type: String, read: @Sendable (JSONReader) throws(InputError) -> Component
  )

  /// What the components are called in errors.
  private let kind: String
  /// The key of the list in a component of type `Sequence`.
  private let sequence: String
  private let rows: [Row]

  init(_ kind: String, sequence: String, _ rows: [Row]) {
    self.kind = kind
    self.sequence = sequence
    self.rows = rows
  }

  /// Reads a component as the list of its steps, sequences unfolded.
  ///
  /// - Throws: `unsupported` for a type that is not in the table, naming it.
  func steps(_ reader: JSONReader) throws(InputError) -> [Component] {
    let type = try reader.required("type")
    let name = try type.string()
    if name == "Sequence" {
      var steps: [Component] = []
      for step in try reader.required(sequence).elements() { steps += try self.steps(step) }
      return steps
    }
    if let row = rows.first(where: { $0.type == name }) { return [try row.read(reader)] }
    throw InputError(
      .unsupported, place: type.path,
      "the \(kind) \(quoted(name)) is unknown; expected one of "
        + "\(rows.map(\.type).joined(separator: ", ")), Sequence")
  }
}
