import Diagnostics

/// The tokens of a model with their ids, both ways.
struct Vocabulary: Sendable {
  /// Ids from here on are refused: no model has so many rows, and memory is taken per id.
  static let idLimit = 1 << 22

  private var table: ByteStringTable
  /// The id of each string in the table.
  private var ids: [Int32] = []
  /// The string in the table for each id, or -1.
  private var indices: [Int32] = []

  init(capacity: Int = 0) {
    table = ByteStringTable(capacity: capacity)
  }

  /// The number of different tokens.
  var count: Int { table.count }

  func id(of token: Span<UInt8>) -> Int? {
    table.find(token).map { Int(ids[$0]) }
  }

  func id(of token: some Sequence<UInt8>) -> Int? {
    id(of: Array(token).span)
  }

  /// The token of an id, or nil if there is none.
  func token(_ id: Int) -> ArraySlice<UInt8>? {
    guard indices.indices.contains(id), indices[id] >= 0 else { return nil }
    return table.strings[Int(indices[id])]
  }

  /// All tokens with their ids.
  var entries: some Sequence<(token: ArraySlice<UInt8>, id: Int)> {
    (0..<table.count).lazy.map { (table.strings[$0], Int(ids[$0])) }
  }

  /// Adds a token. A token that is there already gets the new id, and keeps the old one for
  /// decoding.
  ///
  /// - Returns: Whether the token is new.
  /// - Throws: `malformed` if the id is taken or out of bounds.
  mutating func insert(_ token: Span<UInt8>, id: Int) throws(InputError) -> Bool {
    guard id >= 0, id < Self.idLimit else {
      throw InputError(
        .malformed, "found the token id \(id), expected one from 0 to \(Self.idLimit - 1)")
    }
    while indices.count <= id { indices.append(-1) }
    guard indices[id] < 0 else {
      throw InputError(.malformed, "the token id \(id) occurs twice")
    }
    let (index, isNew) = table.insert(token)
    indices[id] = Int32(index)
    if isNew { ids.append(Int32(id)) } else { ids[index] = Int32(id) }
    return isNew
  }
}
