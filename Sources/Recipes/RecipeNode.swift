import Diagnostics
import JSONText

/// A value of a recipe together with where it was written, so that whatever is wrong with it can be
/// shown at its line.
struct RecipeNode: Sendable {
  /// What was written. Scalars are already told apart; a number keeps its text, in JSON's grammar.
  enum Value: Sendable {
    case scalar(JSONValue)
    case list([RecipeNode])
    case mapping([Entry])
  }

  /// A key with its value.
  struct Entry: Sendable {
    var key: String
    var mark: Mark
    var value: RecipeNode
  }

  /// A line and a column, both counted from 1.
  struct Mark: Sendable, Equatable, CustomStringConvertible {
    var line: Int
    var column: Int
    var description: String { "line \(line), column \(column)" }

    /// What is wrong here.
    func error(_ message: String, code: InputError.Code = .invalidValue) -> InputError {
      InputError(code, place: description, message)
    }
  }

  var value: Value
  var mark: Mark

  var isNull: Bool {
    if case .scalar(.null) = value { return true }
    return false
  }

  /// What the value is, in the words of an error message: `the text 'abc'`, `a list`.
  var found: String {
    switch value {
    case .scalar(.bool(let value)): "the truth value \(value)"
    case .scalar(.number(let text)): "the number \(text)"
    case .scalar(.string(let text)): "the text \(quoted(text))"
    case .scalar: "nothing"
    case .list: "a list"
    case .mapping: "keys with values"
    }
  }

  /// The same value as a JSON document.
  var json: JSONValue {
    switch value {
    case .scalar(let value): value
    case .list(let nodes): .array(nodes.map(\.json))
    case .mapping(let entries): .object(entries.map { JSONValue.Member($0.key, $0.value.json) })
    }
  }
}

extension RecipeNode.Entry {
  /// The place of what stands at a path of keys and list indices below this entry, such as
  /// `weights.num_bits` or `targets[0]`: of the deepest step of the path that was written.
  func mark(atPath path: String) -> RecipeNode.Mark {
    var node = value
    var mark = mark
    for step in path.split(whereSeparator: { ".[]".contains($0) }) {
      switch node.value {
      case .mapping(let entries):
        guard let entry = entries.first(where: { $0.key == step }) else { return mark }
        (node, mark) = (entry.value, entry.mark)
      case .list(let nodes):
        guard let index = Int(step), nodes.indices.contains(index) else { return mark }
        (node, mark) = (nodes[index], nodes[index].mark)
      default:
        return mark
      }
    }
    return mark
  }
}
