package import Compute
import Recordings

/// What tuning computes beside programs, element by element.
extension ReferenceDevice {
  package func squaredError(
    _ y: DeviceRange, target: DeviceRange, count: Int, gradient: DeviceRange?, factor: Float
  ) -> Double {
    let differences = differences(y, target, count)
    gradient?.write(differences.map { Float(Double(factor) * $0) }, compute)
    return differences.reduce(0) { $0 + $1 * $1 }
  }

  package func squaredErrors(
    _ y: DeviceRange, target: DeviceRange, rows: Int, columns: Int
  ) -> [Double] {
    let rowByteCount = columns * compute.byteCount
    return (0..<rows).map {
      squaredError(
        y + $0 * rowByteCount, target: target + $0 * rowByteCount, count: columns, gradient: nil,
        factor: 0)
    }
  }

  package func suppressOutliers(in parts: [(y: DeviceRange, target: DeviceRange, count: Int)]) {
    let magnitudes = parts.map { part in
      differences(part.y, part.target, part.count).map { abs($0) }
    }
    let rank = max(1, magnitudes.joined().count / 1000)
    let threshold = magnitudes.joined().sorted(by: >)[rank - 1]
    for (index, part) in parts.enumerated() {
      let wanted = part.target.numbers(part.count, compute)
      var found = part.y.numbers(part.count, compute)
      for element in 0..<part.count
      where magnitudes[index][element] >= threshold && found[element].isFinite {
        found[element] = wanted[element]
      }
      part.y.write(found, compute)
    }
  }

  package func addSquares(of x: DeviceRange, rows: Int, stride: Int, to sums: inout [Float]) {
    for row in 0..<rows {
      let numbers = (x + row * stride * compute.byteCount).numbers(sums.count, compute)
      for column in sums.indices { sums[column] += numbers[column] * numbers[column] }
    }
  }

  package func add(_ x: DeviceRange, to sum: DeviceRange, count: Int, keeping kept: Float) {
    let before = sum.numbers(count, .float32).map { $0.isFinite ? kept * $0 : 0 }
    let more = x.numbers(count, .float32)
    sum.write(zip(before, more).map { $0 + $1 }, .float32)
  }

  private func differences(_ y: DeviceRange, _ target: DeviceRange, _ count: Int) -> [Double] {
    zip(y.numbers(count, compute), target.numbers(count, compute)).map { Double($0) - Double($1) }
  }
}
