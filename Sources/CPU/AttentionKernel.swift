internal import CKernels
import Compute
import MatrixProducts
import Recordings
import Tensors

/// Causal attention with grouped query heads: `softmax(scale q k^T) v` for each head.
///
/// One task is one key-value head of one sequence with all its query heads. Its queries are done in tiles of
/// neighbouring tokens, whose rows for all heads lie together, so that keys and values are read once for
/// all of them; and a tile meets its keys in pieces, with a softmax that goes on from piece to piece
/// (`attention.h`). So scores stay in a core's cache whatever the length, and products with what no query of
/// a piece may see are never made. The backward pass computes the scores of a piece again from queries, keys
/// and the saved logarithm of the softmax's sum. Each task has the sums for its keys and values to itself,
/// so that results do not depend on the number of threads.
struct AttentionKernel: Kernel {
  let step: Step
  let shape: AttentionShape
  let tiles: [AttentionTile]
  private let forwardMemory: AttentionScratch
  let backwardMemory: AttentionScratch
  let products: [AttentionProducts.Size: AttentionProducts]
  /// Those on keys and values that a sequence has kept.
  private let cacheProducts: [AttentionProducts.Size: AttentionProducts]

  var batch: Int { step.recording.batch }
  var tokens: Int { step.recording.tokens }

  init(_ step: Step, _ shape: AttentionShape, device: CPUDevice) throws {
    self.step = step
    self.shape = shape
    let recording = step.recording
    func prepare(
      _ tiles: [AttentionTile], keyStride: Int, valueStride: Int
    ) throws -> [AttentionProducts.Size: AttentionProducts] {
      var products: [AttentionProducts.Size: AttentionProducts] = [:]
      for piece in tiles.lazy.flatMap(\.pieces) where products[piece.size] == nil {
        products[piece.size] = try AttentionProducts(
          piece.size, shape: shape, keyStride: keyStride, valueStride: valueStride,
          device: device, training: step.training != .nothing)
      }
      return products
    }
    tiles = AttentionTile.tiles(tokens: recording.tokens, shape: shape)
    forwardMemory = Self.memory(shape, in: recording, backward: false)
    backwardMemory = Self.memory(shape, in: recording, backward: true)
    products = try prepare(
      tiles, keyStride: step.columns(of: step.inputs[1].value),
      valueStride: step.columns(of: step.inputs[2].value))
    let isCached = step.training == .nothing && recording.batch == 1
    cacheProducts = try prepare(
      isCached ? AttentionTile.tilesOnCache(tokens: recording.tokens, offset: 0, shape: shape) : [],
      keyStride: step.inputs[1].columns, valueStride: step.inputs[2].columns)
  }

  static func scratch(_ shape: AttentionShape, in recording: Recording) -> Scratch {
    Scratch(
      forward: memory(shape, in: recording, backward: false).byteCount * ThreadTeam.size,
      backward: memory(shape, in: recording, backward: true).byteCount * ThreadTeam.size)
  }

  private static func memory(
    _ shape: AttentionShape, in recording: Recording, backward: Bool
  ) -> AttentionScratch {
    AttentionScratch(
      shape, tokens: recording.tokens, elementByteCount: recording.compute.byteCount,
      backward: backward)
  }

  // MARK: Forward

  /// Keys and values `[tokens, stride]` with the first key-value head's elements at the pointers.
  struct KeysAndValues {
    var keys: UnsafeRawPointer
    var keyStride: Int
    var values: UnsafeRawPointer
    var valueStride: Int
  }

  func forward(in program: Program) {
    let own = keysAndValues(in: program)
    guard let sequence = program.sequence, let state = step.node.state else {
      return forward(in: program, own, tiles: tiles, products: products)
    }
    precondition(batch == 1, "a state belongs to one sequence")
    precondition(
      sequence.tokenCount + tokens <= step.recording.positions,
      "more tokens than the program has positions")
    let (keys, values) = (sequence[state][0], sequence[state][1])
    let size = step.compute.byteCount
    let (keyColumns, valueColumns) = (step.inputs[1].columns, step.inputs[2].columns)
    sequence.append(
      tokens, byteCount: keyColumns * size, from: own.keys, own.keyStride * size, to: keys)
    sequence.append(
      tokens, byteCount: valueColumns * size, from: own.values, own.valueStride * size, to: values)
    forward(
      in: program,
      KeysAndValues(
        keys: keys.hostPointer, keyStride: keyColumns,
        values: values.hostPointer, valueStride: valueColumns),
      tiles: AttentionTile.tilesOnCache(
        tokens: tokens, offset: sequence.tokenCount, shape: shape),
      products: cacheProducts)
  }

  func keysAndValues(in program: Program) -> KeysAndValues {
    KeysAndValues(
      keys: program[step.inputs[1]], keyStride: step.columns(of: step.inputs[1].value),
      values: program[step.inputs[2]], valueStride: step.columns(of: step.inputs[2].value))
  }

  private func forward(
    in program: Program, _ source: KeysAndValues, tiles: [AttentionTile],
    products: [AttentionProducts.Size: AttentionProducts]
  ) {
    let (element, size) = (program.compute.element, program.compute.byteCount)
    let (query, queryStride) = (program[step.inputs[0]], step.columns(of: step.inputs[0].value))
    let (output, outputStride) = (program[step.result], step.columns(of: step.result))
    let scratch = program.forwardScratch(of: step).pointer
    let logSums = program[step.node.outputs[1]].assumingMemoryBound(to: Float.self)
    let (heads, d, valueSize) = (shape.headsOfGroup, shape.headSize, shape.valueSize)
    let offset = tiles[0].firstQuery
    let sinks = step.parameters.first.map { UnsafePointer<Float>(program[$0]) }
    ThreadTeam.forEach(batch * shape.keyValueHeadCount) { task, member in
      let (sequence, group) = task.quotientAndRemainder(dividingBy: shape.keyValueHeadCount)
      let firstRow = sequence * tokens
      let own = scratch + member * forwardMemory.byteCount
      let queries = own + forwardMemory.query
      let sums = own.floats(at: forwardMemory.rowSums)
      let totals = own.floats(at: forwardMemory.rowNumbers)
      let scores = own.floats(at: forwardMemory.scores)
      let weights = own + forwardMemory.weights
      for tile in tiles {
        let token = tile.firstQuery - offset
        let rows = tile.queries * heads
        let columns = group * heads * d
        copyRows(
          tile.queries, byteCount: heads * d * size,
          from: query + ((firstRow + token) * queryStride + columns) * size, queryStride * size,
          to: queries, heads * d * size)
        let maxima = logSums + (task * tokens + token) * heads
        if let sinks {
          // As if each row had seen a key with the sink's score and no value.
          for row in 0..<rows { maxima[row] = sinks[group * heads + row % heads] }
        } else {
          maxima.update(repeating: -.infinity, count: rows)
        }
        totals.update(repeating: sinks == nil ? 0 : 1, count: rows)
        sums.update(repeating: 0, count: rows * valueSize)
        for piece in tile.pieces {
          guard let product = products[piece.size] else {
            preconditionFailure("a piece without products")
          }
          let row = (piece.firstQuery - tile.firstQuery) * heads
          let keyRow = firstRow + piece.firstKey
          product.scores.run(
            queries + row * d * size,
            source.keys + (keyRow * source.keyStride + group * d) * size, scores, lane: member)
          bend(scores, piece, group: group)
          hide(scores, piece, row: firstRow + piece.firstQuery - offset, in: program)
          var settings = softmaxSettings(piece)
          ck_softmax(
            element, &settings, scores, weights, maxima + row, totals + row,
            sums + row * valueSize, valueSize)
          product.mix.run(
            weights, source.values + (keyRow * source.valueStride + group * valueSize) * size,
            sums + row * valueSize, lane: member)
        }
        var whole = tile.settings(shape)
        ck_softmax_end(
          element, &whole, sums, maxima, totals,
          output + ((firstRow + token) * outputStride + group * heads * valueSize) * size,
          outputStride, valueSize)
      }
    }
  }

  // MARK: Scores

  /// Does to the scores of a piece what the shape asks for besides the scale, so that the scale is done too.
  func bend(_ scores: UnsafeMutablePointer<Float>, _ piece: AttentionPiece, group: Int) {
    withSettings(piece, group: group) { ck_bend_scores($0, scores) }
  }

  /// Makes the scores of keys that queries have not chosen those of keys that nobody sees.
  ///
  /// - Parameter row: That of the piece's first query in the batch.
  func hide(
    _ scores: UnsafeMutablePointer<Float>, _ piece: AttentionPiece, row: Int, in program: Program
  ) {
    guard let choice = step.node.reads.first else { return }
    let words = step.columns(of: choice)
    let marks = program[choice].assumingMemoryBound(to: UInt32.self) + row * words
    var settings = piece.settings(shape)
    ck_hide_scores(&settings, marks, words, scores)
  }

  /// How the softmax sees a piece's scores after that.
  func softmaxSettings(_ piece: AttentionPiece) -> ck_piece {
    var settings = piece.settings(shape)
    if shape.bendsScores { settings.scale = 1 }
    return settings
  }

  func withSettings(
    _ piece: AttentionPiece, group: Int, _ body: (UnsafePointer<ck_piece>) -> Void
  ) {
    guard shape.bendsScores else { return }
    shape.slopes.withUnsafeBufferPointer { slopes in
      var settings = piece.settings(
        shape, slopes: slopes.isEmpty ? nil : slopes.baseAddress! + group * shape.headsOfGroup)
      withUnsafePointer(to: &settings, body)
    }
  }

  // MARK: Rows

  /// Writes sums `[rows, columns]` to neighbouring columns of a gradient.
  func narrow(
    _ sums: UnsafePointer<Float>, _ target: GradientTarget, firstRow: Int, rows: Int, column: Int,
    columns: Int, _ compute: ComputeType
  ) {
    for row in 0..<rows {
      let source = sums + row * columns
      let offset = ((firstRow + row) * target.rowStride + column) * compute.byteCount
      switch compute {
      case .bfloat16:
        ck_f32_to_bf16(
          source, (target.pointer + offset).assumingMemoryBound(to: UInt16.self), columns)
      case .float32: (target.pointer + offset).copyMemory(from: source, byteCount: columns * 4)
      }
    }
  }
}

extension AttentionPiece {
  var size: AttentionProducts.Size { .init(queries: queries, keys: keys) }
}

extension AttentionTile {
  /// The rows of all pieces, without columns.
  func settings(_ shape: AttentionShape) -> ck_piece {
    AttentionPiece(firstQuery: firstQuery, queries: queries, firstKey: 0, keys: 0).settings(shape)
  }
}
