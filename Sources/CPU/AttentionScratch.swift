import Compute
import Recordings
import Tensors

/// Where the memory of one thread for a tile of attention lies, in bytes from its start.
struct AttentionScratch {
  private var layout = ScratchLayout()
  var byteCount: Int { layout.byteCount }
  /// `[rows, head size]` of queries in the compute type, and the f32 sums of `Y` or `dQ`.
  private(set) var query = 0
  private(set) var rowSums = 0
  /// A number in f32 for each row: the sum of its weights, or delta.
  private(set) var rowNumbers = 0
  /// `[rows, keys]` of a piece: scores in f32, weights in the compute type.
  private(set) var scores = 0
  private(set) var weights = 0
  /// For the backward pass: `dY` like ``query``, `dP` and `dS` like ``scores`` and ``weights``, and f32 sums
  /// `[tokens, head size]` of `dK` and `dV`.
  private(set) var dOutput = 0
  private(set) var dWeights = 0
  private(set) var dScores = 0
  private(set) var keySums = 0
  private(set) var valueSums = 0

  /// - Parameter backward: Whether it is for the backward pass.
  init(_ shape: AttentionShape, tokens: Int, elementByteCount: Int, backward: Bool) {
    let queries = min(AttentionTile.queriesOfTile(shape), tokens)
    let rows = queries * shape.headsOfGroup
    let keys = max(AttentionTile.keysOfPiece, queries)
    let float = MemoryLayout<Float>.stride
    query = layout.place(rows * shape.headSize * elementByteCount)
    rowSums = layout.place(rows * (backward ? shape.headSize : shape.valueSize) * float)
    rowNumbers = layout.place(rows * float)
    scores = layout.place(rows * keys * float)
    weights = layout.place(rows * keys * elementByteCount)
    guard backward else { return }
    dOutput = layout.place(rows * shape.valueSize * elementByteCount)
    dWeights = layout.place(rows * keys * float)
    dScores = layout.place(rows * keys * elementByteCount)
    keySums = layout.place(tokens * shape.headSize * float)
    valueSums = layout.place(tokens * shape.valueSize * float)
  }
}
