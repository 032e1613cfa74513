// Rounds with a rule of one's own: to nearest, in a range that is clipped where that loses less.
//
// Run it from the root of the package: swift run -c release OwnRounding
import AutoRound
import Foundation

struct ClippedRounding: Modifier {
  let options: ResolvedOptions

  func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
    let weights = layer.weight.floats()
    let grouping = layer.grouping
    let importance = data.importance ?? Array(repeating: 1, count: grouping.columns)
    let middle = Float(1 << (layer.arguments.bitCount - 1))
    var codes = [UInt8](repeating: 0, count: weights.count)
    var scales = [Float](repeating: 0, count: grouping.parameterCount)
    for row in 0..<grouping.rows {
      for group in 0..<grouping.groups {
        let columns = grouping.columns(ofGroup: group)
        let start = row * grouping.columns
        let largest = columns.map { weights[start + $0].magnitude }.max() ?? 0
        var least = Float.infinity
        for share: Float in [1, 0.95, 0.9, 0.85, 0.8, 0.75] {
          let scale = layer.storedScale(max(share * largest / (middle - 0.5), 1e-8))
          let steps = columns.map {
            min(max((weights[start + $0] / scale).rounded(), -middle), middle - 1)
          }
          let error = zip(columns, steps).reduce(Float(0)) { sum, element in
            let difference = weights[start + element.0] - scale * element.1
            return sum + importance[element.0] * difference * difference
          }
          guard error < least else { continue }
          least = error
          scales[grouping.parameter(row: row, group: group)] = scale
          for (column, step) in zip(columns, steps) { codes[start + column] = UInt8(step + middle) }
        }
      }
    }
    return try layer.quantizedWeight(codes: codes, scales: scales)
  }
}

let options = try ResolvedOptions(overrides: OptionOverrides { $0.sequenceLength = 128 })
let report = try oneshot(
  model: URL(filePath: "Examples/books-llama-6m"), modifier: ClippedRounding(options: options),
  output: URL.temporaryDirectory.appending(path: "books-llama-6m-clipped"), overwrite: true)
for block in report.blocks {
  print(block.name, "nearest", block.rtnLoss, "clipped", block.finalLoss)
}
