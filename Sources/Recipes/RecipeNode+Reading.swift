import Diagnostics
import JSONText

/// Typed reads. `name` is what the value is called in an error: its key.
extension RecipeNode {
  func mismatch(_ name: String, expected: String) -> InputError {
    mark.error("\(name): expected \(expected), found \(found)")
  }

  func bool(_ name: String) throws -> Bool {
    guard case .scalar(.bool(let value)) = value else {
      throw mismatch(name, expected: "true or false")
    }
    return value
  }

  func string(_ name: String) throws -> String {
    guard case .scalar(.string(let text)) = value, !text.isEmpty else {
      throw mismatch(name, expected: "a text")
    }
    return text
  }

  /// A list of texts; a single text is a list of one.
  func strings(_ name: String) throws -> [String] {
    switch value {
    case .scalar(.string): return [try string(name)]
    case .list(let nodes): return try nodes.map { try $0.string("an element of \(name)") }
    default: throw mismatch(name, expected: "a text or a list of texts")
    }
  }

  func entries(_ name: String) throws -> [Entry] {
    guard case .mapping(let entries) = value else {
      throw mismatch(name, expected: "keys with values")
    }
    return entries
  }
}
