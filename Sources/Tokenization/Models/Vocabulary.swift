import Diagnostics

/// The tokens of a model with their ids, both ways.
///
/// Tokens are bytes rather than `String`s, since those compare by canonical equivalence, which would
/// take two entries of a vocabulary for one.
struct Vocabulary: Sendable {
  /// Ids from here on are refused: no model has so many rows, and memory is taken per id.
  static let idLimit = 1 << 22

  /// The id of each token.
  private(set) var ids: [[UInt8]: Int] = [:]
  /// The token of each id.
  private var tokens: [[UInt8]?] = []

  /// The number of different tokens.
  var count: Int { ids.count }

  func id(of token: Span<UInt8>) -> Int? { ids[Array(token)] }

  func id(of token: some Sequence<UInt8>) -> Int? { ids[Array(token)] }

  /// The token of an id, or nil if there is none.
  func token(_ id: Int) -> [UInt8]? { tokens.indices.contains(id) ? tokens[id] : nil }

  /// Adds a token. A token that is there already gets the new id, and keeps the old one for
  /// decoding.
  ///
  /// - Returns: Whether the token is new.
  /// - Throws: `malformed` if the id is taken or out of bounds.
  mutating func insert(_ token: [UInt8], id: Int) throws(InputError) -> Bool {
    guard id >= 0, id < Self.idLimit else {
      throw InputError(
        .malformed, "found the token id \(id), expected one from 0 to \(Self.idLimit - 1)")
    }
    while tokens.count <= id { tokens.append(nil) }
    guard tokens[id] == nil else {
      throw InputError(.malformed, "the token id \(id) occurs twice")
    }
    tokens[id] = token
    return ids.updateValue(id, forKey: token) == nil
  }
}
