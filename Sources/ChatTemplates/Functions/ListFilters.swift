import Diagnostics

/// Filters of lists.
extension TemplateRenderer {
  static let listFilters: [String: Filter] = [
    "length": { try $0.length(of: $1, $2) }, "count": { try $0.length(of: $1, $2) },
    "first": { try $0.first(of: $1, $2) }, "last": { try $0.last(of: $1, $2) },
    "list": { try $0.asList($1, $2) }, "items": { try $0.itemList(of: $1, $2) },
    "reverse": { try $0.reversed($1, $2) }, "join": { try $0.joinedElements(of: $1, $2) },
    "sum": { try $0.sum(of: $1, $2) }, "sort": { try $0.sortedElements(of: $1, $2) },
    "dictsort": { try $0.sortedItems(of: $1, $2) },
    "unique": { try $0.uniqueElements(of: $1, $2) },
    "max": { try $0.extreme(of: $1, $2, "max") }, "min": { try $0.extreme(of: $1, $2, "min") },
  ]

  private func first(of value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    try elements(of: value, "first").first ?? .undefined("there is no first item")
  }

  private func last(of value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    try elements(of: value, "last").last ?? .undefined("there is no last item")
  }

  private func asList(_ value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    try list(elements(of: value, "list"))
  }

  private func itemList(of value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    switch value {
    case .mapping(let mapping): return try list(items(of: mapping), .iterator)
    case .undefined: return try list([], .iterator)
    default: throw failure("items: found \(value.typeName), expected a mapping")
    }
  }

  private func reversed(_ value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    if case .string(let text) = value {
      return try string(String(Array(text.unicodeScalars.reversed())))
    }
    return try list(elements(of: value, "reverse").reversed(), .iterator)
  }

  private func joinedElements(
    of value: TemplateValue, _ arguments: CallArguments
  ) throws -> TemplateValue {
    let bound = try BoundArguments(arguments, ["d", "attribute"], of: "join", self)
    let texts = try elements(of: value, "join").map { try text(of: key(of: $0, bound.value(1))) }
    return try joined(texts, by: try bound.value(0).map { try text(of: $0) } ?? "")
  }

  private func sum(of value: TemplateValue, _ arguments: CallArguments) throws -> TemplateValue {
    let bound = try BoundArguments(arguments, ["attribute", "start"], of: "sum", self)
    var sum = bound.value(1) ?? .integer(0)
    for element in try elements(of: value, "sum") {
      sum = try compute(sum, "+", key(of: element, bound.value(0)))
    }
    return sum
  }

  private func sortedElements(
    of value: TemplateValue, _ arguments: CallArguments
  ) throws -> TemplateValue {
    let bound = try BoundArguments(
      arguments, ["reverse", "case_sensitive", "attribute"], of: "sort", self)
    let elements = try elements(of: value, "sort")
    return try list(
      sorted(elements, isReversed: bound.flag(0)) { element in
        let key = try key(of: element, bound.value(2))
        return bound.flag(1) ? key : try folded(key)
      })
  }

  private func sortedItems(
    of value: TemplateValue, _ arguments: CallArguments
  ) throws -> TemplateValue {
    let bound = try BoundArguments(
      arguments, ["case_sensitive", "by", "reverse"], of: "dictsort", self)
    guard case .mapping(let mapping) = value else {
      throw failure("dictsort: found \(value.typeName), expected a mapping")
    }
    let place = try bound.string(1) == "value" ? 1 : 0
    return try list(
      sorted(items(of: mapping), isReversed: bound.flag(2)) { pair in
        let key = try item(.integer(place), of: pair)
        return bound.flag(0) ? key : try folded(key)
      })
  }

  private func uniqueElements(
    of value: TemplateValue, _ arguments: CallArguments
  ) throws -> TemplateValue {
    let bound = try BoundArguments(arguments, ["case_sensitive", "attribute"], of: "unique", self)
    var seen: Set<TemplateKey> = []
    let elements = try elements(of: value, "unique").filter { element in
      let part = try key(of: element, bound.value(1))
      return seen.insert(try key(bound.flag(0) ? part : folded(part))).inserted
    }
    return try list(elements, .iterator)
  }

  /// What a filter looks at: a member of an element, or the element.
  private func key(of element: TemplateValue, _ member: TemplateValue?) throws -> TemplateValue {
    guard let member else { return element }
    return try self.member(member, of: element)
  }

  private func length(of value: TemplateValue, _: CallArguments) throws -> TemplateValue {
    switch value {
    case .string(let text):
      try spend(text.utf8.count / 8)
      return .integer(text.unicodeScalars.count)
    case .list(let list) where list.kind != .iterator: return .integer(list.elements.count)
    case .mapping(let mapping): return .integer(mapping.count)
    case .loop(let loop): return .integer(loop.elements.count)
    case .undefined: return .integer(0)
    case .list:
      throw failure("length: what a filter gives has no length; expected '| list' before it")
    default: throw failure("length: \(value.typeName) has no length; expected a list or a string")
    }
  }

  /// A string in small letters, which sorting goes by; other values as they are.
  private func folded(_ value: TemplateValue) throws -> TemplateValue {
    guard case .string(let text) = value else { return value }
    return try string(text.lowercasedByScalars())
  }

  private func sorted(
    _ elements: [TemplateValue], isReversed: Bool, by key: (TemplateValue) throws -> TemplateValue
  ) throws -> [TemplateValue] {
    let keys = try elements.map(key)
    let order = try elements.indices.sorted { a, b in
      if try isReversed ? isLess(keys[b], keys[a]) : isLess(keys[a], keys[b]) { return true }
      if try isReversed ? isLess(keys[a], keys[b]) : isLess(keys[b], keys[a]) { return false }
      return a < b
    }
    return order.map { elements[$0] }
  }

  private func extreme(
    of value: TemplateValue, _ arguments: CallArguments, _ name: String
  ) throws -> TemplateValue {
    let bound = try BoundArguments(arguments, ["case_sensitive", "attribute"], of: name, self)
    var best: (element: TemplateValue, key: TemplateValue)?
    for element in try elements(of: value, name) {
      var key = try key(of: element, bound.value(1))
      if !bound.flag(0) { key = try folded(key) }
      if let known = best {
        guard try name == "max" ? isLess(known.key, key) : isLess(key, known.key) else { continue }
      }
      best = (element, key)
    }
    return best?.element ?? .undefined("\(name) of nothing")
  }

  // MARK: Choosing

  static let choiceFilters: [String: Filter] = [
    "default": { try $0.standard($1, $2) }, "d": { try $0.standard($1, $2) },
    "select": { try $0.chosen($1, $2, "select", byMember: false, keeps: true) },
    "reject": { try $0.chosen($1, $2, "reject", byMember: false, keeps: false) },
    "selectattr": { try $0.chosen($1, $2, "selectattr", byMember: true, keeps: true) },
    "rejectattr": { try $0.chosen($1, $2, "rejectattr", byMember: true, keeps: false) },
    "attr": { renderer, value, arguments in
      let bound = try BoundArguments(arguments, ["name"], of: "attr", renderer)
      return try renderer.attribute(bound.requiredString(0), of: value)
    },
    "map": { renderer, value, arguments in
      let elements = try renderer.choices(in: value, "map")
      if let first = arguments.positional.first {
        guard case .string(let name) = first else {
          throw renderer.failure("map: found \(first.typeName), expected a filter's name")
        }
        let rest = CallArguments(
          positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        return try renderer.list(
          renderer.nested { try elements.map { try renderer.filter($0, name, rest) } }, .iterator)
      }
      let bound = try BoundArguments(arguments, ["attribute", "default"], of: "map", renderer)
      // Only with names: a value in the first place would be a filter.
      let member = try bound.required(0)
      return try renderer.list(
        elements.map { element in
          let found = try renderer.member(member, of: element)
          if case .undefined = found, let standard = bound.value(1) { return standard }
          return found
        }, .iterator)
    },
  ]

  private func standard(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws -> TemplateValue {
    let bound = try BoundArguments(arguments, ["default_value", "boolean"], of: "default", self)
    if case .undefined = value { return bound.value(0) ?? .string("") }
    return bound.flag(1) && !value.isTrue ? bound.value(0) ?? .string("") : value
  }

  private func chosen(
    _ value: TemplateValue, _ arguments: CallArguments, _ name: String, byMember: Bool, keeps: Bool
  ) throws -> TemplateValue {
    var rest = arguments.positional[...]
    let member = byMember ? rest.popFirst() : nil
    guard !byMember || member != nil else { throw failure("\(name): the attribute is missing") }
    let wanted = rest.popFirst()
    let elements = try choices(in: value, name).filter { element in
      try spend()
      let subject = try member.map { try self.member($0, of: element) } ?? element
      guard let wanted else { return subject.isTrue == keeps }
      guard case .string(let test) = wanted else {
        throw failure("\(name): found \(wanted.typeName), expected a test's name")
      }
      return try self.test(
        subject, test, CallArguments(positional: Array(rest), named: arguments.named)) == keeps
    }
    return try list(elements, .iterator)
  }

  /// What there is to choose from: nothing in what is false, as in Jinja, `none` and numbers among it.
  private func choices(in value: TemplateValue, _ name: String) throws -> [TemplateValue] {
    value.isTrue ? try elements(of: value, name) : []
  }

  /// A member by its name, or by several with points between them; numbers are indices.
  private func member(_ name: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
    guard case .string(let path) = name else { return try item(name, of: value) }
    try spend(path.utf8.count)
    return try path.split(separator: ".", omittingEmptySubsequences: false).reduce(value) {
      value, part in
      try item(Int(part).map { .integer($0) } ?? .string(String(part)), of: value)
    }
  }
}
