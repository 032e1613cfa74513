import Diagnostics

/// Methods of mappings and lists. Those that change them are refused, as transformers refuses them.
extension TemplateRenderer {
  private static func refusing<Value>(_ names: [String]) -> [String: Method<Value>] {
    var methods: [String: Method<Value>] = [:]
    for name in names {
      methods[name] = { renderer, _, _ in
        throw renderer.failure(
          "\(name): lists and mappings cannot change in templates; expected a namespace or a new one"
        )
      }
    }
    return methods
  }

  static let mappingMethods: [String: MappingMethod] = {
    let reading: [String: MappingMethod] = [
      "keys": { renderer, mapping, _ in try renderer.list(mapping.keys, .view("dict_keys")) },
      "values": { renderer, mapping, _ in
        try renderer.list(mapping.values, .view("dict_values"))
      },
      "items": { renderer, mapping, _ in
        try renderer.list(renderer.items(of: mapping), .view("dict_items"))
      },
      "get": { renderer, mapping, arguments in
        let bound = try BoundArguments(arguments, ["key", "default"], of: "get", renderer)
        return mapping[try renderer.key(bound.required(0))] ?? bound.value(1) ?? .none
      },
      "copy": { _, mapping, _ in .mapping(mapping) },
    ]
    let refused: [String: MappingMethod] = refusing([
      "clear", "pop", "popitem", "setdefault", "update",
    ])
    return reading.merging(refused) { first, _ in first }
  }()

  /// Pairs of keys and values.
  func items(of mapping: TemplateMapping) throws -> [TemplateValue] {
    try spend(mapping.count * 16)
    return zip(mapping.keys, mapping.values).map { .list(TemplateList([$0, $1], .tuple)) }
  }

  static let listMethods: [String: ListMethod] = {
    let reading: [String: ListMethod] = [
      "copy": { _, list, _ in .list(list) },
      "count": { renderer, list, arguments in
        let value = try BoundArguments(arguments, ["value"], of: "count", renderer).required(0)
        return .integer(try list.elements.count { try renderer.isEqual($0, value) })
      },
      "index": { renderer, list, arguments in
        let value = try BoundArguments(arguments, ["value"], of: "index", renderer).required(0)
        guard let index = try list.elements.firstIndex(where: { try renderer.isEqual($0, value) })
        else { throw renderer.failure("index: the value is not in the list") }
        return .integer(index)
      },
    ]
    let refused: [String: ListMethod] = refusing(
      ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"])
    return reading.merging(refused) { first, _ in first }
  }()
}
