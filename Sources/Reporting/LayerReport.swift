import JSONText

/// What became of the weight of one layer.
public struct LayerReport: Sendable, Equatable {
  /// Its name in its block, such as `mlp.up_proj`.
  public var name: String
  /// Bits of a code, scales and zero points not counted.
  public var bitCount: Int
  /// How far the weights that are stored are from the source's: the root of the mean squared difference, as a share of
  /// the root of the source's mean square. Tuning makes it larger than rounding does, for a smaller error of the block.
  public var weightError: Double

  /// Creates a report.
  public init(name: String, bitCount: Int, weightError: Double) {
    (self.name, self.bitCount, self.weightError) = (name, bitCount, weightError)
  }
}

extension [LayerReport] {
  /// The bits and errors of layers whose names are told beside them.
  var json: [JSONValue.Member] {
    [
      .init("layer_bits", .array(map { JSONValue($0.bitCount) })),
      .init("layer_errors", .array(map { JSONValue($0.weightError) })),
    ]
  }

  /// Reads what ``json`` gives; none where nothing is said of layers.
  init(_ block: JSONReader, names: [String]) throws {
    guard let bitCounts = try block.optional("layer_bits") else {
      self = []
      return
    }
    func numbers(_ list: JSONReader) throws -> [JSONReader] {
      let numbers = try list.elements()
      guard numbers.count == names.count else {
        throw list.mismatch("\(names.count) numbers, one for each layer")
      }
      return numbers
    }
    let (counts, errors) = (
      try numbers(bitCounts), try numbers(block.required("layer_errors"))
    )
    self = try names.indices.map {
      LayerReport(
        name: names[$0], bitCount: try counts[$0].int(in: 1...64),
        weightError: try errors[$0].double())
    }
  }
}
