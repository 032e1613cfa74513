/// Keys and values of a file, in the order in which they stand there.
package struct GGUFMetadata: Equatable, Sendable {
  package struct Entry: Equatable, Sendable {
    package let key: String
    package fileprivate(set) var value: GGUFValue
  }

  package private(set) var entries: [Entry] = []
  private var places: [String: Int] = [:]

  package init() {}

  package var count: Int { entries.count }

  package func contains(_ key: String) -> Bool { places[key] != nil }

  /// The value of a key. Setting a key that is there keeps its place; a new one comes last.
  package subscript(key: String) -> GGUFValue? {
    get { places[key].map { entries[$0].value } }
    set {
      switch (places[key], newValue) {
      case (let place?, let value?): entries[place].value = value
      case (nil, let value?): append(key, value)
      case (let place?, nil):
        entries.remove(at: place)
        places = Dictionary(
          uniqueKeysWithValues: entries.enumerated().map { ($0.element.key, $0.offset) })
      case (nil, nil): break
      }
    }
  }

  /// Adds a key that is not there yet.
  package mutating func append(_ key: String, _ value: GGUFValue) {
    precondition(places[key] == nil, "\(key) is there already")
    places[key] = entries.count
    entries.append(Entry(key: key, value: value))
  }
}
