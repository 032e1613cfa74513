package import Recordings

/// Multi-head latent attention: keys and values of all heads are made of one short row for each token, the latent, and
/// positions turn a few channels of the keys, which all heads share (DeepSeek-V2, arXiv 2405.04434, section 2.1).
///
///     q = query(norm(W x)),  [c | r] = W x,  [k | v] = expansion(norm(c)) for each head
///     output(attention of [q, its last channels turned] with [k | r turned] and v)
///
/// Keys and values are computed as the heads see them, and kept so for generation.
package struct LatentAttention: Hashable, Sendable {
  /// The module's name inside the block.
  package var module: String
  /// What queries are made of; nil: the input.
  package var queryLatent: Latent?
  /// The layer whose outputs are the queries.
  package var query: LayerSlot
  /// What keys and values are made of; after it its layer gives the channels of the keys that heads share.
  package var keyValueLatent: Latent
  /// The layer that makes, for each head, its own channels of the key, and its value.
  package var expansion: LayerSlot
  package var output: LayerSlot
  /// Nil: positions turn nothing.
  package var rotary: RotarySettings?
  package var shape: AttentionShape
  /// What chooses the keys that each query sees; nil: it sees all.
  package var indexer: KeyIndexer?

  /// A layer and the norm of its first outputs.
  package struct Latent: Hashable, Sendable {
    package var layer: LayerSlot
    package var norm: NormSlot

    package init(layer: LayerSlot, norm: NormSlot) { (self.layer, self.norm) = (layer, norm) }

    var rank: Int { norm.columns }
  }

  package init(
    module: String, queryLatent: Latent?, query: LayerSlot, keyValueLatent: Latent,
    expansion: LayerSlot, output: LayerSlot, rotary: RotarySettings?, shape: AttentionShape
  ) {
    self.module = module
    self.queryLatent = queryLatent
    self.query = query
    self.keyValueLatent = keyValueLatent
    self.expansion = expansion
    self.output = output
    self.rotary = rotary
    self.shape = shape
  }

  /// Channels of the keys that all heads share, the last of a head.
  private var sharedSize: Int { keyValueLatent.layer.outputs - keyValueLatent.rank }
  /// Those that each head has for itself.
  private var ownSize: Int { shape.headSize - sharedSize }

  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value {
    let first = queryLatent?.layer ?? query
    let projected = recorder.linear([first, keyValueLatent.layer], x)
    let own = recorder.operations.operand(projected, columns: 0..<first.outputs)
    let source = queryLatent.map { recorder.norm($0.norm, own) }
    let made = source.map { recorder.linear([query], $0) }
    let queries = placed(
      made.map { recorder.operations.operand($0) } ?? own, headSize: shape.headSize,
      ofQueries: true, in: &recorder)
    let choice = indexer.map { indexer in
      indexer.record(x, queries: source ?? x, rotary: rotary, in: &recorder)
    }
    let (start, end) = (first.outputs, first.outputs + keyValueLatent.rank)
    let latent = recorder.norm(
      keyValueLatent.norm, recorder.operations.operand(projected, columns: start..<end))
    let shared = placed(
      recorder.operations.operand(projected, columns: end..<end + sharedSize),
      headSize: sharedSize, ofQueries: false, in: &recorder)
    let expanded = recorder.linear([expansion], latent)
    let (keys, values) = keysAndValues(expanded, shared, in: &recorder)
    let mixed = recorder.attention(
      module, query: queries, key: keys, value: values, shape: shape, choice: choice)
    return recorder.linear([output], mixed)
  }

  /// Heads whose last channels are turned.
  private func placed(
    _ x: Operand, headSize: Int, ofQueries: Bool, in recorder: inout BlockRecorder
  ) -> Operand {
    guard let rotary else { return x }
    let turned = recorder.operations.rotary(
      x,
      RotaryEmbedding(
        headSize: headSize, firstChannel: headSize - sharedSize, pairing: rotary.pairing,
        table: rotary.table(positions: recorder.operations.positions, ofQueries: ofQueries)))
    return recorder.operations.operand(turned)
  }

  private func keysAndValues(
    _ expanded: Value, _ shared: Operand, in recorder: inout BlockRecorder
  ) -> (keys: Operand, values: Operand) {
    let size = ownSize + shape.valueSize
    func part(_ head: Int, _ offset: Int, _ columns: Int) -> Operand {
      let first = head * size + offset
      return recorder.operations.operand(expanded, columns: first..<first + columns)
    }
    let heads = 0..<shape.headCount
    let keys = recorder.operations.juxtaposed(
      heads.flatMap { [part($0, 0, ownSize), shared] })
    let values = recorder.operations.juxtaposed(
      heads.map { part($0, ownSize, shape.valueSize) })
    return (recorder.operations.operand(keys), recorder.operations.operand(values))
  }
}
