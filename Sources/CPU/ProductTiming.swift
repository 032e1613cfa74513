import Compute
package import MatrixProducts
import Recordings

/// Times single matrix products: the rate that everything else is compared with.
package enum ProductTiming {
  /// The median time of one product on the whole team.
  package static func seconds(_ shape: ProductShape, repetitions: Int) throws -> Double {
    let device = try CPUDevice(compute: .float32)
    let product = try device.product(shape)
    // Not zeros: a processor that takes less power for them runs faster than it does at work.
    func memory(_ count: Int, _ type: ProductElement) -> UnsafeMutableRawPointer {
      let byteCount = count * type.byteCount
      let pointer = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      let bytes = pointer.bindMemory(to: UInt8.self, capacity: byteCount)
      var state: UInt32 = 1
      for index in 0..<byteCount {
        state = state &* 1_664_525 &+ 1_013_904_223
        let byte = UInt8(state >> 24)
        // The sign and most of the exponent of a float: numbers from a hundredth to one, of both signs.
        let isHighest = type != .int8 && index % type.byteCount == type.byteCount - 1
        bytes[index] = isHighest ? 0x3C | byte & 0x83 : byte
      }
      return pointer
    }
    let a = memory(shape.m * shape.k, shape.input)
    let b = memory(shape.k * shape.n, shape.input)
    let c = memory(shape.m * shape.n, shape.output)
    defer { for pointer in [a, b, c] { pointer.deallocate() } }
    product.run(a, b, c)
    let times = (0..<repetitions).map { _ in
      let start = ContinuousClock.now
      product.run(a, b, c)
      return (ContinuousClock.now - start) / .seconds(1)
    }
    return times.sorted()[repetitions / 2]
  }
}
