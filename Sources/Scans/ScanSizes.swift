/// The sizes of a scan with one head of queries and keys, and one of values, and what becomes of its values:
///
///     S = e^g S,   e = beta (v - S^T k) or e = v,   S = S + k e^T,   o = S^T q
///
/// for each token, with a state S `[keySize, valueSize]`. A chunk of tokens at a time gives the same: with G the sums of
/// the g from the chunk's first token on, D[t,i] = e^(G[t] - G[i]) for i <= t and 0 else, and S the state before it,
///
///     A = beta (D o K K^T) below the diagonal,   (1 + A) E = beta (V - e^G K S),   P = D o Q K^T
///     O = e^G Q S + P E,   S' = e^G[last] S + K^T e^(G[last] - G) E
///
/// so that almost all is products of matrices. No exponent is above 0. Where each channel of the keys has a g of its own, and
/// a row of S decays by it, the tokens are computed one by one: then the squares are no products.
package struct ScanSizes: Hashable, Sendable {
  /// Channels of a query or a key.
  package var keySize: Int
  /// Channels of a value.
  package var valueSize: Int
  /// Whether values are corrected by what the state answers to their keys: the delta rule.
  package var corrects: Bool
  /// Whether each channel of the keys has a g of its own.
  package var decaysByChannel: Bool

  /// Tokens of a chunk at most.
  package static let tokensOfChunk = 64

  package init(keySize: Int, valueSize: Int, corrects: Bool, decaysByChannel: Bool) {
    (self.keySize, self.valueSize) = (keySize, valueSize)
    (self.corrects, self.decaysByChannel) = (corrects, decaysByChannel)
  }

  /// Numbers g of a token.
  package var exponentCount: Int { decaysByChannel ? keySize : 1 }

  /// Numbers of a state.
  package var stateCount: Int { keySize * valueSize }
}
