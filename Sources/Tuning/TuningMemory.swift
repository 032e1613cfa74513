package import Quantization
package import Tensors

/// What tuning the layers of a block takes of memory beside the block's program, in bytes: all at once, or in portions.
package struct TuningMemory: Hashable, Sendable {
  /// What one layer takes.
  package struct Layer: Hashable, Sendable {
    /// The number of its expert; nil for a layer that all tokens meet.
    var expert: Int?
    /// Its quantizer while it is tuned, with gradients that are kept; or while it is rounded, if nothing is tuned.
    var state: Int
    /// A quantizer that only rounds.
    var rounding: Int
    /// Its finished weight: codes and scales.
    var finished: Int
    /// Its codes, and the same packed.
    var packed: Int
    /// Its weight in the source: a view of a file, or memory of its own.
    var source: Int
    var isMapped: Bool

    /// - Parameters:
    ///   - offsets: How offsets are held; nil where weights are only rounded.
    ///   - keepsGradients: Whether gradients are summed up.
    ///   - isMapped: Whether the weight is a view of a file.
    /// - Throws: `unsupported` for arguments that fit no weight of this shape.
    package init(
      _ arguments: QuantizationArguments, rows: Int, columns: Int, dtype: DType, expert: Int?,
      offsets: OffsetType?, keepsGradients: Bool, isMapped: Bool
    ) throws {
      let elements = rows * columns
      func quantizer(_ offsets: OffsetType?) throws -> Int {
        try arguments.quantizerByteCount(
          rows: rows, columns: columns, dtype: dtype, offsets: offsets)
      }
      self.expert = expert
      rounding = try quantizer(nil)
      state =
        try quantizer(offsets) + (keepsGradients ? elements * MemoryLayout<Float>.stride : 0)
      // A scale, and a zero point where there are any.
      let parameters = try arguments.grouping(rows: rows, columns: columns).parameterCount
      finished = elements + parameters * (MemoryLayout<Float>.stride + 1)
      packed = elements * QuantizationArguments.finishedBytesPerWeight
      source = elements * dtype.byteCount
      self.isMapped = isMapped
    }
  }

  private let layers: [Layer]
  private let isTuned: Bool

  /// - Parameters:
  ///   - layers: The layers of a block that are quantized.
  ///   - isTuned: Whether they are tuned rather than rounded.
  package init(_ layers: [Layer], isTuned: Bool) {
    (self.layers, self.isTuned) = (layers, isTuned)
  }

  /// The most portions that the block can be cut into.
  package var portionLimit: Int { isTuned ? Portion.countLimit(layers.map(\.expert)) : 1 }

  /// Memory, and besides it what the system can take back because files have it, at the moment when both together are most.
  package func need(portionCount: Int) -> (memory: Int, mapped: Int) {
    func sum(_ layers: some Sequence<Layer>, _ bytes: (Layer) -> Int) -> Int {
      layers.reduce(0) { $0 + bytes($1) }
    }
    func mapped(_ layers: some Sequence<Layer>) -> Int {
      sum(layers) { $0.isMapped ? $0.source : 0 }
    }
    // What is no view of a file is held as long as the block.
    let held = sum(layers) { $0.isMapped ? 0 : $0.source }
    let packed = layers.map(\.packed).max() ?? 0
    let portions = Portion.cut(layers.map(\.expert), into: portionCount)
    guard portions.count > 1 else {
      // The codes of all layers, one of which is packed at a time. What is learned makes room for them.
      let state = held + sum(layers, \.state)
      let finished = sum(layers) { $0.packed / QuantizationArguments.finishedBytesPerWeight }
      return (isTuned ? state + packed : state + finished + packed / 2, mapped(layers))
    }
    var moments = [(memory: held + sum(layers, \.rounding), mapped: mapped(layers))]
    var (finished, left) = (held, mapped(layers))
    for portion in portions.map({ $0.layers.map { layers[$0] } }) {
      moments.append((finished + sum(portion, \.state), left))
      finished += sum(portion, \.finished)
      left -= mapped(portion)
    }
    moments.append((finished + packed, 0))
    let memory = moments.map(\.memory).max() ?? 0
    return (memory, (moments.map { $0.memory + $0.mapped }.max() ?? 0) - memory)
  }
}
