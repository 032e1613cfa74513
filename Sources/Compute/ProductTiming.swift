/// Times single matrix products: the rate that everything else is compared with.
package enum ProductTiming {
  /// The median time of one product on the whole team.
  package static func seconds(_ shape: ProductShape, repetitions: Int) throws -> Double {
    let device = try Device(compute: .float32)
    let product = try device.product(shape)
    func memory(_ count: Int, _ type: ProductElement) -> UnsafeMutableRawPointer {
      let byteCount = count * type.byteCount
      let pointer = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
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
