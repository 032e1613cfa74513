import Diagnostics

/// Members, items and slices of values.
extension TemplateRenderer {
  /// `value.name`: a method, or else the item of this key.
  func attribute(_ name: String, of value: TemplateValue) throws -> TemplateValue {
    try spend(name.utf8.count)
    return try ownAttribute(name, of: value) ?? ownItem(.string(name), of: value)
      ?? missing(name, of: value)
  }

  /// `value[index]`: the item, or else the method of this name.
  func item(_ index: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
    try spend(on: index)
    if let item = try ownItem(index, of: value) { return item }
    guard case .string(let name) = index else {
      return .undefined("\(value.typeName) has no element \(try representation(of: index))")
    }
    return try ownAttribute(name, of: value) ?? missing(name, of: value)
  }

  private func missing(_ name: String, of value: TemplateValue) throws -> TemplateValue {
    .undefined("\(value.typeName) has no attribute \(quoted(name))")
  }

  private func ownAttribute(_ name: String, of value: TemplateValue) throws -> TemplateValue? {
    switch value {
    case .undefined(let message): throw failure(message)
    case .string(let text):
      return Self.stringMethods[name].map { method in
        .function(TemplateFunction(name: name) { try method($0, text, $1) })
      }
    case .mapping(let mapping):
      return Self.mappingMethods[name].map { method in
        .function(
          TemplateFunction(name: name, depth: mapping.depth) { try method($0, mapping, $1) })
      }
    case .list(let list):
      return Self.listMethods[name].map { method in
        .function(TemplateFunction(name: name, depth: list.depth) { try method($0, list, $1) })
      }
    case .namespace(let namespace): return namespace.members[TemplateKey(name)]
    case .loop(let loop): return loop.attribute(name)
    case .macro(let macro): return name == "name" ? .string(macro.definition.name) : nil
    default: return nil
    }
  }

  private func ownItem(
    _ index: TemplateValue, of value: TemplateValue
  ) throws -> TemplateValue? {
    switch value {
    case .undefined(let message): throw failure(message)
    case .mapping(let mapping): return TemplateKey(index).flatMap { mapping[$0] }
    case .list(let list):
      guard list.kind == .list || list.kind == .tuple, let index = index.integerValue else {
        return nil
      }
      let count = list.elements.count
      let place = index < 0 ? index + count : index
      return list.elements.indices.contains(place) ? list.elements[place] : nil
    case .string(let text):
      guard let index = index.integerValue else { return nil }
      try spend(text.utf8.count / 8)
      let scalars = text.unicodeScalars
      let (start, end) =
        index < 0
        ? (scalars.endIndex, scalars.startIndex) : (scalars.startIndex, scalars.endIndex)
      guard let place = scalars.index(start, offsetBy: index, limitedBy: end),
        place != scalars.endIndex
      else { return nil }
      return .string(String(scalars[place]))
    default: return nil
    }
  }

  /// `value[start:end:step]`.
  func slice(_ value: TemplateValue, _ parts: [TemplateValue?]) throws -> TemplateValue {
    let bounds = try parts.map { part -> Int? in
      guard let part else { return nil }
      if case .none = part { return nil }
      guard let bound = part.integerValue else {
        throw failure("a slice takes whole numbers; found \(part.typeName)")
      }
      return bound
    }
    func picked<Element>(_ elements: [Element]) throws -> [Element] {
      try spend(elements.count)
      let step = bounds.count > 2 ? bounds[2] ?? 1 : 1
      guard step != 0 else { throw failure("the step of a slice is 0") }
      let count = elements.count
      // Where a bound lies, counted from the end if it is negative.
      func place(_ bound: Int) -> Int {
        let place = bound < 0 ? bound + count : bound
        return step > 0 ? min(max(place, 0), count) : min(max(place, -1), count - 1)
      }
      let start = bounds[0].map(place) ?? (step > 0 ? 0 : count - 1)
      let end = bounds[1].map(place) ?? (step > 0 ? count : -1)
      return stride(from: start, to: end, by: step.clamped(to: count + 1)).map { elements[$0] }
    }
    switch value {
    case .string(let text):
      return .string(String(String.UnicodeScalarView(try picked(Array(text.unicodeScalars)))))
    case .list(let list) where list.kind == .list || list.kind == .tuple:
      return try self.list(picked(list.elements), list.kind)
    case .undefined(let message): throw failure(message)
    default: throw failure("a slice of \(value.typeName); expected a list or a string")
    }
  }
}

extension Int {
  /// The number, no farther from 0 than `limit`.
  fileprivate func clamped(to limit: Int) -> Int { Swift.min(Swift.max(self, -limit), limit) }
}

extension LoopState {
  fileprivate func attribute(_ name: String) -> TemplateValue? {
    switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "revindex": .integer(elements.count - index)
    case "revindex0": .integer(elements.count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == elements.count - 1)
    case "length": .integer(elements.count)
    // Only loops that call themselves are deeper.
    case "depth": .integer(1)
    case "depth0": .integer(0)
    case "previtem":
      index > 0 ? elements[index - 1] : .undefined("there is no previous item")
    case "nextitem":
      index + 1 < elements.count ? elements[index + 1] : .undefined("there is no next item")
    case "cycle":
      .function(
        TemplateFunction(name: "cycle") { [index] renderer, arguments in
          guard !arguments.positional.isEmpty else {
            throw renderer.failure("cycle: no items are given")
          }
          return arguments.positional[index % arguments.positional.count]
        })
    default: nil
    }
  }
}
