import Diagnostics

extension TemplateRenderer {
  /// What computes a value from one and arguments: a method, or a filter.
  typealias Method<Value> =
    @Sendable (TemplateRenderer, Value, CallArguments) throws -> TemplateValue
  typealias Filter = Method<TemplateValue>
  typealias StringMethod = Method<String>
  typealias MappingMethod = Method<TemplateMapping>
  typealias ListMethod = Method<TemplateList>
}

/// What a function, a filter or a test is called with.
struct CallArguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  /// The values of parameters in their order; nil where none is given.
  func bound(
    to names: [String], of function: String, _ renderer: TemplateRenderer
  ) throws -> [TemplateValue?] {
    try renderer.spend(names.count * (1 + named.count))
    guard positional.count <= names.count else {
      throw renderer.failure(
        "\(function): found \(counted(positional.count, "argument")), expected at most \(names.count)"
      )
    }
    var values: [TemplateValue?] =
      positional + Array(repeating: nil, count: names.count - positional.count)
    for (name, value) in named {
      guard let place = names.firstIndex(of: name) else {
        throw renderer.failure(
          "\(function): there is no argument \(quoted(name)); expected "
            + (names.isEmpty ? "none" : names.joined(separator: ", ")))
      }
      guard values[place] == nil else {
        throw renderer.failure("\(function): \(name) is given twice")
      }
      values[place] = value
    }
    return values
  }
}

/// The arguments of one call by name, with what they must be.
struct BoundArguments {
  private let function: String
  private let names: [String]
  private let values: [TemplateValue?]
  private let renderer: TemplateRenderer

  init(
    _ arguments: CallArguments, _ names: [String], of function: String,
    _ renderer: TemplateRenderer
  ) throws {
    (self.function, self.names, self.renderer) = (function, names, renderer)
    values = try arguments.bound(to: names, of: function, renderer)
  }

  /// The argument at a place, if it is given.
  func value(_ place: Int) -> TemplateValue? { values[place] }

  func required(_ place: Int) throws -> TemplateValue {
    guard let value = values[place] else {
      throw renderer.failure("\(function): \(names[place]) is missing")
    }
    return value
  }

  /// A string; nil if it is not given or none.
  func string(_ place: Int) throws -> String? {
    switch values[place] {
    case nil, .none?: return nil
    case .string(let text): return text
    case let other?: throw mismatch(place, other, "a string")
    }
  }

  func requiredString(_ place: Int) throws -> String {
    guard let text = try string(place) else {
      throw mismatch(place, try required(place), "a string")
    }
    return text
  }

  func integer(_ place: Int, otherwise: Int) throws -> Int {
    switch values[place] {
    case nil, .none?: return otherwise
    case let value?:
      guard let integer = value.integerValue else { throw mismatch(place, value, "a whole number") }
      return integer
    }
  }

  func flag(_ place: Int) -> Bool { values[place]?.isTrue ?? false }

  private func mismatch(_ place: Int, _ value: TemplateValue, _ expected: String) -> any Error {
    renderer.failure(
      "\(function): \(names[place]) is \(value.typeName), expected \(expected)")
  }
}
