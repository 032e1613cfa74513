import Tensors
package import WeightBlocks

/// Weights that were tuned in blocks, as what their files hold.
extension KQuantizedWeight {
  /// The blocks of a tuned weight: its codes, and the scales that were searched for it.
  ///
  /// - Precondition: The weight's arguments are those of this kind of block.
  package init(_ weight: QuantizedWeight, type: KQuantType) {
    guard weight.arguments.blocks == .superBlocks(type), let superBlocks = weight.superBlocks else {
      preconditionFailure("\(weight.arguments.text) is not \(type.rawValue)")
    }
    self.init(
      type: type, rows: weight.rows, columns: weight.columns,
      codes: weight.codes.elements(as: UInt8.self), superBlocks: superBlocks, scaleDType: .float16)
  }
}

extension ScaleBlockWeight {
  /// The blocks of a weight that was tuned with searched scales and minimums.
  ///
  /// - Precondition: The weight's arguments are those of this kind of block.
  package init(searched weight: QuantizedWeight, type: ScaleBlockType) {
    precondition(weight.arguments.blocks == .scaleBlocks(type), "not \(type.rawValue)")
    self.init(
      type: type, rows: weight.rows, columns: weight.columns,
      codes: weight.codes.elements(as: UInt8.self), scales: weight.scales,
      minimums: weight.biases)
  }
}
