import Diagnostics

/// Work on strings as Python does it: by scalars, never by what Swift takes for a character.
extension String {
  init(_ scalars: some Sequence<Unicode.Scalar>) {
    self.init(String.UnicodeScalarView(scalars))
  }

  /// Without the scalars of `set` at the ends; nil for white space.
  func stripped(_ set: String?, left: Bool = true, right: Bool = true) -> String {
    let set = set.map { Set($0.unicodeScalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool {
      set.map { $0.contains(scalar) } ?? scalar.isTemplateSpace
    }
    var rest = unicodeScalars[...]
    if left { rest = rest.drop(while: goes) }
    if right { while let last = rest.last, goes(last) { rest.removeLast() } }
    return String(rest)
  }

  /// Where `part` stands in this text, as offsets in UTF-8, from left to right without overlaps.
  func places(
    of part: String, limit: Int = .max, _ renderer: TemplateRenderer
  ) throws -> [Int] {
    try renderer.spend(utf8.count + part.utf8.count)
    let (text, part) = (Array(utf8), Array(part.utf8))
    var places: [Int] = []
    guard !part.isEmpty else {
      var offset = 0
      for scalar in unicodeScalars where places.count < limit {
        places.append(offset)
        offset += UTF8.width(scalar)
      }
      return places.count < limit ? places + [text.count] : places
    }
    var index = 0
    var compared = 0
    while index + part.count <= text.count, places.count < limit {
      var length = 0
      while length < part.count, text[index + length] == part[length] { length += 1 }
      compared += length
      if compared > 1 << 12 {
        try renderer.spend(compared)
        compared = 0
      }
      if length == part.count {
        places.append(index)
        index += part.count
      } else {
        index += 1
      }
    }
    return places
  }

  /// The pieces between offsets in UTF-8 and so many bytes that are left out there.
  func pieces(between places: [Int], leaving byteCount: Int) -> [String] {
    let bytes = Array(utf8)
    var pieces: [String] = []
    var start = 0
    for place in places {
      pieces.append(String(decoding: bytes[start..<place], as: UTF8.self))
      start = place + byteCount
    }
    return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
  }

  /// The words between white space; after `limit` of them the rest is one.
  func words(limit: Int = .max) -> [String] {
    var words: [String] = []
    var rest = unicodeScalars.drop(while: \.isTemplateSpace)
    while !rest.isEmpty {
      guard words.count < limit else {
        words.append(String(rest).stripped(nil, left: false))
        break
      }
      let word = rest.prefix { !$0.isTemplateSpace }
      words.append(String(word))
      rest = rest[word.endIndex...].drop(while: \.isTemplateSpace)
    }
    return words
  }

  func uppercasedByScalars() -> String {
    unicodeScalars.map(\.properties.uppercaseMapping).joined()
  }

  func lowercasedByScalars() -> String {
    unicodeScalars.map(\.properties.lowercaseMapping).joined()
  }

  /// The first letter as a title has it, the others small.
  func capitalizedByScalars() -> String {
    guard let first = unicodeScalars.first else { return "" }
    return first.properties.titlecaseMapping
      + String(unicodeScalars.dropFirst()).lowercasedByScalars()
  }

  /// Letters at the beginning of words as titles have them; what `isBetween` says stands between words.
  func titled(_ isBetween: (Unicode.Scalar) -> Bool) -> String {
    var text = ""
    var begins = true
    for scalar in unicodeScalars {
      if isBetween(scalar) {
        text.unicodeScalars.append(scalar)
        begins = true
      } else {
        text += begins ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping
        begins = false
      }
    }
    return text
  }
}

extension TemplateRenderer {
  func replaced(_ text: String, _ old: String, by new: String, _ limit: Int) throws -> TemplateValue
  {
    let places = try text.places(of: old, limit: limit < 0 ? .max : limit, self)
    try spend(places.count.multipliedClamped(by: new.utf8.count))
    let pieces = text.pieces(between: places, leaving: old.utf8.count)
    return try string(pieces.joined(separator: new))
  }

  func joined(_ texts: [String], by separator: String) throws -> TemplateValue {
    try spend(texts.count.multipliedClamped(by: separator.utf8.count))
    try spend(texts.reduce(0) { $0 + $1.utf8.count })
    return .string(texts.joined(separator: separator))
  }

  /// What `text.split(separator, limit)` gives, or `rsplit`.
  func split(
    _ text: String, _ arguments: CallArguments, fromRight: Bool
  ) throws -> TemplateValue {
    let bound = try BoundArguments(
      arguments, ["sep", "maxsplit"], of: fromRight ? "rsplit" : "split", self)
    var limit = try bound.integer(1, otherwise: -1)
    if limit < 0 { limit = .max }
    try spend(text.utf8.count * 4)
    guard let separator = try bound.string(0) else {
      let words = text.words(limit: fromRight ? .max : limit)
      guard fromRight, words.count > limit else { return try list(words.map { .string($0) }) }
      throw failure("rsplit: a limit takes a separator here", .unsupported)
    }
    guard !separator.isEmpty else { throw failure("split: the separator is empty") }
    var places = try text.places(of: separator, self)
    places = fromRight ? Array(places.suffix(limit)) : Array(places.prefix(limit))
    let pieces = text.pieces(between: places, leaving: separator.utf8.count)
    return try list(pieces.map { .string($0) })
  }
}
